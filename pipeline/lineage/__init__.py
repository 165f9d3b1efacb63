"""What models were trained on, read from ML Metadata and the photo index; no ledger of its own."""
