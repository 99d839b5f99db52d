def layout(context): return None
def register(app, context): pass
