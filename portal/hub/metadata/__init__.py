"""What the Hub's clients ask beside the files: models and their revisions, and who they are.

Any developer with a verified account may read it of the releases whose pages they may see;
the bytes are another question. The shapes are the Hub's: only what clients read is there.
"""
