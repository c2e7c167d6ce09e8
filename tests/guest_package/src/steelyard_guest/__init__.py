"""Parts of a third party, found by their entry points."""
