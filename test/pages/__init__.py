"""The pages in a real browser, with the real service behind them."""
