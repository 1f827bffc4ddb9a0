"""The command line: a file a verb, and the options that they share."""
