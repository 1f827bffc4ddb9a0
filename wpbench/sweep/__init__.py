"""Many scenarios: kept on disk as they are done, on this machine's cores or on any executor's."""
