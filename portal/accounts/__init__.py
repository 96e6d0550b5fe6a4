"""The user, the profile, roles, and the policy of signing in."""
