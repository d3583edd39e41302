"""The 医保 centre: gateway, transactions, settlement, its own ledger, reconcile and files."""
