"""The pages, in the order of the navigation. A new one is a module here and a line below."""

from fraudray.ui.page import Page
from fraudray.ui.pages import backtests, case, live, policy, queue, try_out

PAGES: tuple[Page, ...] = (queue.PAGE, case.PAGE, try_out.PAGE, policy.PAGE, backtests.PAGE, live.PAGE)
HOME = PAGES[0]
"""What `/` shows."""
