"""The console's pages about budgets and alerts."""
