from directional_sync.config.yaml12 import _resolved
import math
def meaning(text):
    v=_resolved(text)
    if v is None or isinstance(v,str): return v
    if isinstance(v,bool): return ("bool",v)
    if isinstance(v,float) and math.isnan(v): return ("float","nan")
    return (type(v).__name__, v)
