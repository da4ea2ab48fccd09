"""Invite: from a convened meeting to a letter in every mailbox and an entry in every calendar."""
