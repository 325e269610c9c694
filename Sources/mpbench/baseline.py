"""The Python side of mpbench --compare: what the library does, done by CPython's standard library.

usage: baseline.py [--rounds N] ["BENCH VARIANT" ...]
"""
import json, mmap, multiprocessing, os, resource, statistics, subprocess, sys, threading, time

# What the library does as well, whatever this Python prefers.
fork = multiprocessing.get_context("fork")
MEBIBYTE = 1 << 20
MESSAGE = bytes([7]) * 64
WARM_UPS = 3
now = time.perf_counter
implementation = "python %d.%d" % sys.version_info[:2]
baselines = {}


def baseline(bench, variant, unit, count, *arguments):
    """Registers a function of count and arguments that runs a round, and answers one number for it."""
    def register(function):
        baselines["%s %s" % (bench, variant) if variant else bench] = (bench, variant, unit, count, function, arguments)
        return function
    return register


def median_time(count, operation):
    """The median of single timings, in microseconds."""
    for _ in range(WARM_UPS):
        operation()
    times = []
    for _ in range(count):
        start = now()
        operation()
        times.append(now() - start)
    return statistics.median(times) * 1e6


def run_all(processes):
    for process in processes:
        process.start()


def join_all(processes):
    for process in processes:
        process.join()
        assert process.exitcode == 0, "a child ended with %s" % process.exitcode


def pin(number):
    os.sched_setaffinity(0, {sorted(allowed)[number]})


allowed = os.sched_getaffinity(0)


# Processes, programs, threads


def nothing():
    pass


def start_join_once():
    process = fork.Process(target=nothing)
    process.start()
    join_all([process])


def beside_memory(mebibytes, measured):
    memory = None
    if mebibytes:
        memory = mmap.mmap(-1, mebibytes * MEBIBYTE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        if hasattr(mmap, "MADV_NOHUGEPAGE"):
            memory.madvise(mmap.MADV_NOHUGEPAGE)
        for offset in range(0, len(memory), 4096):
            memory[offset] = 1
    result = measured()
    if memory:
        memory.close()
    return result


@baseline("start_join", "touched 0 MiB", "us", 100, 0)
@baseline("start_join", "touched 64 MiB", "us", 50, 64)
@baseline("start_join", "touched 512 MiB", "us", 10, 512)
def start_join(count, mebibytes):
    return beside_memory(mebibytes, lambda: median_time(count, start_join_once))


@baseline("start_faults", "", "faults", 50)
def start_faults(count):
    def faults():
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt
    def once():
        before = faults()
        start_join_once()
        return faults() - before
    return statistics.median(once() for _ in range(count))


def send_product(numbers, connection):
    connection.send(numbers[0] * numbers[7])
    connection.close()


@baseline("start_args_result", "", "us", 100)
def start_args_result(count):
    numbers = tuple(range(1, 9))
    def once():
        reader, writer = fork.Pipe(False)
        process = fork.Process(target=send_product, args=(numbers, writer))
        process.start()
        writer.close()
        assert reader.recv() == 8
        join_all([process])
        reader.close()
    return median_time(count, once)


@baseline("spawn_true", "touched 0 MiB", "us", 100, 0)
@baseline("spawn_true", "touched 512 MiB", "us", 50, 512)
def spawn_true(count, mebibytes):
    return beside_memory(mebibytes, lambda: median_time(count, lambda: subprocess.run(["/bin/true"], check=True)))


@baseline("spawn_echo_capture", "", "us", 100)
def spawn_echo_capture(count):
    def once():
        assert subprocess.check_output(["/bin/echo", "x"]) == b"x\n"
    return median_time(count, once)


@baseline("thread_start_join", "", "us", 2000)
def thread_start_join(count):
    def once():
        thread = threading.Thread(target=nothing)
        thread.start()
        thread.join()
    return median_time(count, once)


# Messages


def echo(connection, count, processor):
    if processor is not None:
        pin(processor)
    for _ in range(count):
        connection.send_bytes(connection.recv_bytes())


@baseline("pingpong_connection", "", "us", 5000, None, None)
@baseline("pingpong_connection", "both on cpu 0", "us", 5000, 0, 0)
@baseline("pingpong_connection", "cpu 0 and cpu 1", "us", 5000, 0, 1)
def pingpong_connection(count, ours, theirs):
    warm_ups = 100
    near, far = fork.Pipe()
    process = fork.Process(target=echo, args=(far, count + warm_ups, theirs))
    process.start()
    if ours is not None:
        pin(ours)
    for trip in range(-warm_ups, count):
        if trip == 0:
            start = now()
        near.send_bytes(MESSAGE)
        near.recv_bytes()
    elapsed = now() - start
    os.sched_setaffinity(0, allowed)
    join_all([process])
    near.close()
    far.close()
    return elapsed / count * 1e6


def receive(connection, count):
    for _ in range(count):
        connection.recv_bytes()


@baseline("bandwidth_connection", "1 MiB messages", "GiB/s", 512)
def bandwidth_connection(count):
    reader, writer = fork.Pipe(False)
    message = bytes(MEBIBYTE)
    start = now()
    process = fork.Process(target=receive, args=(reader, count))
    process.start()
    for _ in range(count):
        writer.send_bytes(message)
    join_all([process])
    elapsed = now() - start
    reader.close()
    writer.close()
    return count / 1024 / elapsed


def put(queue, count, go):
    go.wait()
    for _ in range(count):
        queue.put(MESSAGE)


def get(queue, count, go):
    go.wait()
    for _ in range(count):
        queue.get()


@baseline("queue_1p1c", "", "msgs/s", 20000, 1)
@baseline("queue_2p2c", "", "msgs/s", 20000, 2)
def queue_rate(count, pairs):
    queue, go, share = fork.Queue(), fork.Event(), count // pairs
    processes = [fork.Process(target=side, args=(queue, share, go)) for side in (put, get) for _ in range(pairs)]
    run_all(processes)
    time.sleep(0.05)
    start = now()
    go.set()
    join_all(processes)
    return share * pairs / (now() - start)


# Shared memory and locks


def copy_out(memory, count, filled, emptied):
    view = memoryview(memory).cast("B")
    for each in range(count):
        filled.acquire()
        offset = each % 4 * MEBIBYTE
        bytes(view[offset:offset + MEBIBYTE])
        emptied.release()


@baseline("bandwidth_shm", "", "GiB/s", 1024)
def bandwidth_shm(count):
    memory, filled, emptied = fork.RawArray("B", 4 * MEBIBYTE), fork.Semaphore(0), fork.Semaphore(4)
    view, data = memoryview(memory).cast("B"), bytes([7]) * MEBIBYTE
    view[:] = bytes(4 * MEBIBYTE)
    start = now()
    process = fork.Process(target=copy_out, args=(memory, count, filled, emptied))
    process.start()
    for each in range(count):
        emptied.acquire()
        offset = each % 4 * MEBIBYTE
        view[offset:offset + MEBIBYTE] = data
        filled.release()
    join_all([process])
    return count / 1024 / (now() - start)


@baseline("lock_uncontended", "", "ns", 300000)
def lock_uncontended(count):
    lock = fork.Lock()
    start = now()
    for _ in range(count):
        with lock:
            pass
    return (now() - start) / count * 1e9


def take_turns(lock, number, go, stop, counts):
    pin(number)
    go.wait()
    count = 0
    while not stop.value:
        for _ in range(100):
            with lock:
                count += 1
    counts[number] = count


@baseline("lock_contended_2", "", "ops/s", 0)
def lock_contended_2(_):
    lock, go, stop, counts = fork.Lock(), fork.Event(), fork.RawValue("i", 0), fork.RawArray("q", 2)
    processes = [fork.Process(target=take_turns, args=(lock, number, go, stop, counts)) for number in range(2)]
    run_all(processes)
    time.sleep(0.05)
    start = now()
    go.set()
    time.sleep(0.2)
    stop.value = 1
    elapsed = now() - start
    join_all(processes)
    return sum(counts) / elapsed


# Pools


def square(number):
    return number * number


def with_pool(measured):
    with fork.Pool(2) as pool:
        pool.map(square, range(64), 1)
        return measured(pool)


def answer(pool):
    assert pool.apply(square, (3,)) == 9


@baseline("pool_submit_latency", "registered", "us", 1000)
def pool_submit_latency(count):
    return with_pool(lambda pool: median_time(count, lambda: answer(pool)))


@baseline("pool_map_tiny", "chunk 1", "tasks/s", 10000, 1)
@baseline("pool_map_tiny", "chunk 64", "tasks/s", 100000, 64)
@baseline("pool_map_tiny", "chunk default", "tasks/s", 100000, None)
def pool_map_tiny(count, chunk):
    def measured(pool):
        start = now()
        squares = pool.map(square, range(count), chunk)
        elapsed = now() - start
        assert len(squares) == count and squares[-1] == (count - 1) ** 2
        return count / elapsed
    return with_pool(measured)


# One by one: the chunks that Python makes by default are eight times as long, and half as fast.
@baseline("pool_map_64x1MiB", "", "GiB/s", 64)
def pool_map_blobs(count):
    def measured(pool):
        blobs = [bytes([each]) * MEBIBYTE for each in range(count)]
        start = now()
        assert pool.map(len, blobs, 1) == [MEBIBYTE] * count
        return count / 1024 / (now() - start)
    return with_pool(measured)


def main(arguments):
    rounds = 5
    if arguments[:1] == ["--rounds"]:
        rounds, arguments = int(arguments[1]), arguments[2:]
    for title in arguments or baselines:
        bench, variant, unit, count, function, further = baselines[title]
        line = {"impl": implementation, "bench": bench, "variant": variant}
        try:
            numbers = [float(function(count, *further)) for _ in range(rounds)]
            line.update(
                median=statistics.median(numbers), min=min(numbers), max=max(numbers), unit=unit, n=count, rounds=rounds)
        except Exception as error:
            line.update(error="%s: %s" % (type(error).__name__, error))
        print(json.dumps(line), flush=True)


main(sys.argv[1:])
