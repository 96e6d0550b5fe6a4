"""Events, registrations, check-in and event passes."""
