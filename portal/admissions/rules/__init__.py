"""Rules that decide on what nobody has to look at, tried dry before they are switched on."""
