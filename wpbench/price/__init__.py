"""What the patch costs and saves: with a cost set's values, and over all of its ranges."""
