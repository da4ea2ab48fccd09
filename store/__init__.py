"""What lasts: rows, durable jobs, files, the event chain."""
