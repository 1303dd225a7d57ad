"""What arrays of a NumPy archive mean, by the modality of the samples: a file each, which nothing imports but by name.

check(parts)           raises DataError for what the heads of the arrays say
read(parts, warnings)  the samples of train, and of test where there are such arrays; and what they are
told(...)              perhaps: warnings of what read samples hold
"""
