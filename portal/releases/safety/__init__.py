"""The safety gate: served = evaluated = signed."""
