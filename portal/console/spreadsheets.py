"""Cells of CSV files that people open in a spreadsheet."""


def as_text(cell: str) -> str:
    """The cell so that no spreadsheet takes it for a formula (OWASP, CSV injection).

    >>> as_text("=1+1"), as_text("Ada")
    ("'=1+1", 'Ada')
    """
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
