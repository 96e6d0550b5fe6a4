"""Teams: what a lead and the members do, what staff decides, and the links that invite."""
