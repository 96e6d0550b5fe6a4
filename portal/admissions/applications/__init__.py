"""One application: what is answered and filed, what must hold before a verb, what is told of it."""
