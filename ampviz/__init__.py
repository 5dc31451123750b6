"""ampviz: asynchronous model-parallel training with a visual debugger in the terminal."""
