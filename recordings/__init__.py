"""Record: capture every site's tracks, compose one film with chapters, keep and play the archive."""
