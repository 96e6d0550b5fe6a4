"""The demonstration data: the people, a licence, a release, a programme and two events."""
