"""Reading a whole rated image set and saying what is wrong with it, without torch."""

from cliqa.checking.report import SetReport
from cliqa.checking.scan import Bad, Scan, scan
from cliqa.checking.set import check_set
from cliqa.checking.sheet import contact_sheet, sheet_rows

__all__ = ["Bad", "Scan", "SetReport", "check_set", "contact_sheet", "scan", "sheet_rows"]
