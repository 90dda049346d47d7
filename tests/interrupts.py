"""A Python of its own in which interrupts come at random moments of run(), shutdown(), connect().

The same seed gives the same moments: an interrupt comes before the n-th line that the main thread
runs in the package. It expects SEED, MOMENTS and WHAT before it.
"""

CHILD = """
import gc, linecache, random, signal, sys, threading, warnings
import psutil
from astra_nb import Server, connect
from tests.helpers import wait_until

signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started this may ignore it
warnings.simplefilter("ignore")

def stay(socket):
    for message in socket:
        pass

async def stay_async(socket):
    async for message in socket:
        pass

def left():
    own = psutil.Process()
    threads = [t.name for t in threading.enumerate() if t.name.startswith("astra_nb")]
    connections = own.net_connections("tcp")
    return threads, [(c.laddr, c.status) for c in connections if c.status != "TIME_WAIT"]

class Moment:
    def __init__(self, line):
        self.left = line
        self.lines = 0
    def __call__(self, frame, event, argument):
        if "/astra_nb/" not in frame.f_code.co_filename:
            return None
        # Where no signal comes: before __exit__ is called, and between "with" and "try".
        source = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
        if event == "line" and not source.lstrip().startswith(("with ", "try:")):
            self.lines += 1
            self.left -= 1
            if self.left == 0:
                sys.settrace(None)
                raise KeyboardInterrupt
        return self

def interrupted(action, line):
    moment = Moment(line)
    sys.settrace(moment)
    try:
        return action()
    except KeyboardInterrupt:
        return None
    finally:
        sys.settrace(None)

def count(action):
    moment = Moment(-1)
    sys.settrace(moment)
    try:
        action()
    finally:
        sys.settrace(None)
    return moment.lines

def serve():
    server = Server(port=0)
    server.websocket("/", stay)
    server.websocket("/async", stay_async)
    server.run()
    return server

def check(what, line):
    gc.collect()
    try:
        wait_until(lambda: left() == ([], []), 10)
    except AssertionError:
        print(what, line, left(), flush=True)

def run_at(line):
    server = interrupted(serve, line)
    if server is not None:
        server.shutdown()
    del server
    check("run", line)

def shutdown_at(line):
    server = serve()
    clients = [connect(server.url), connect(server.url + "async")]
    interrupted(server.shutdown, line)
    server.shutdown()  # the interrupt may have come before anything was done
    for client in clients:
        wait_until(lambda: client.state == "closed", 10)
    check("shutdown", line)

def connect_at(line):
    server = serve()
    client = interrupted(lambda: connect(server.url), line)
    if client is not None:
        client.close()
    del client
    gc.collect()
    wait_until(lambda: not server.connections, 10)
    server.shutdown()
    check("connect", line)

def measure(what):
    server = serve()
    if what is shutdown_at:
        clients = [connect(server.url), connect(server.url + "async")]
        lines = count(server.shutdown)
    elif what is connect_at:
        lines = count(lambda: connect(server.url).close())
        server.shutdown()
    else:
        server.shutdown()
        lines = count(serve)
    return lines

chosen = random.Random(SEED)
what = {"run": run_at, "shutdown": shutdown_at, "connect": connect_at}[WHAT]
measure(what)
lines = measure(what)
gc.collect()
wait_until(lambda: left() == ([], []), 10)
for line in chosen.sample(range(1, lines + 1), min(MOMENTS, lines)):
    what(line)
print("done", flush=True)
"""
