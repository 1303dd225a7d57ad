"""What a sample is: images, rows of a table, recordings, texts (see compression_ops.data.modalities.modality)."""
