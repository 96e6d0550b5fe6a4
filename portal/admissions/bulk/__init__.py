"""One decision on many applications, chosen in the queue or listed in a file."""
