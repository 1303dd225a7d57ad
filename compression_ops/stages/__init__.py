"""One module a kind of asset: reads its input folders, calls the science, writes its output folder."""
