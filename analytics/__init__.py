"""The book: prices, budgets, holds, ledger, receipts, and the reports drawn from them."""
