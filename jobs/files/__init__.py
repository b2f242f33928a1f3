"""The data folder and what nodes share of it: what is called how, how it gets there whole, and how it goes."""
