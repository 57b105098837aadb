"""What governor knows of the world: prices, accelerators, regions, endpoints, tags, the shapes of AI keys.

Data files lie in `data/`, each row with its source and the day it was true; the modules beside them look things up.
Nothing is read until it is asked for.
"""
