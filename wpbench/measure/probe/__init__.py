"""All that runs on the kernel that is measured."""
