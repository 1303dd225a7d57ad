"""A quantized student in WebAssembly: its C code compiled to a module of integers, and a page to try it in."""
