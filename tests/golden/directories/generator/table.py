"""Which directories there are: each function that makes one says what the directory shows."""

V4 = ("4.57.6",)
V5 = ("5.23.0",)
DIRECTORIES = []


def directory(task, architecture, shows, releases=V4 + V5):
    """Marks a function `make(out, work)` that fills the folder `out`; `work` is an empty folder of its own."""

    def register(function):
        DIRECTORIES.append({"name": function.__name__, "task": task, "class": architecture, "shows": shows, "releases": releases, "make": function})
        return function

    return register
