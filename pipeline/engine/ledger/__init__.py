"""The points ledger of one customer: lots, accounts, postings, and what moves points between them."""
