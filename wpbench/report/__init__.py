"""Reports for a mailing list: plain text, figures, a mail; two tables compared."""
