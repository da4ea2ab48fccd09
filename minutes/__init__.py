"""The documents of record: drafted from the log, written by the secretary, approved by the chair, verified."""
