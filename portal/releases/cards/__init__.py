"""Model cards: what is written of a release, and what is computed from that and from what is served.

The card of a release is one Markdown document, a README.md as the Hub has it, and no set of
fields: its authors write it in their own repository, with sections that no form would
foresee, and what is imported comes out again as it went in. What the portal must find in it
it finds by the headings that `sections` knows.
"""
