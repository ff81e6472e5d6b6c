"""Commands of `manage.py` about backends and the models behind them."""
