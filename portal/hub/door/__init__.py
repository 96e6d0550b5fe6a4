"""The door of the weights: one file of a revision, whole or in part, to whom every gate is open.

It stands before Django as an ASGI application of its own, because clients ask for the
headers of every file, eight at a time, and because Django holds on to every byte.
"""
