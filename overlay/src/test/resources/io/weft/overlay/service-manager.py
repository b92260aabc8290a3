# Plays systemd for one service: keeps the descriptors that it stores, and gives them to it when it is started again.
# Usage: service-manager.py SOCKET COMMAND...; starts the command once for each line of its input.
import os, socket, sys, threading

path, command = sys.argv[1], sys.argv[2:]
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(path)
stored = []  # of name and descriptor


def serve():
    while True:
        message, descriptors, flags, sender = socket.recv_fds(manager, 4096, 253)
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        words = dict(line.split("=", 1) for line in message.decode().splitlines())
        name = words.get("FDNAME", "stored")
        if words.get("FDSTORE") == "1" and words.get("FDPOLL") == "0":
            for descriptor in descriptors:
                if not any(os.path.sameopenfile(descriptor, other) and name == known for known, other in stored):
                    stored.append((name, descriptor))
            continue
        if words.get("FDSTOREREMOVE") == "1":
            for entry in [entry for entry in stored if entry[0] == name]:
                os.close(entry[1])
                stored.remove(entry)
        for descriptor in descriptors:  # of a barrier
            os.close(descriptor)
        print("told " + " ".join(words), flush=True)


threading.Thread(target=serve, daemon=True).start()
print("listens", flush=True)
for line in sys.stdin:
    given = list(stored)
    child = os.fork()
    if child == 0:
        high = [os.dup2(descriptor, 200 + i) for i, (name, descriptor) in enumerate(given)]
        for i, descriptor in enumerate(high):
            os.dup2(descriptor, 3 + i)
            os.close(descriptor)
        environment = dict(os.environ, NOTIFY_SOCKET=path, FDSTORE="512")
        if given:
            environment.update(
                LISTEN_PID=str(os.getpid()),
                LISTEN_FDS=str(len(given)),
                LISTEN_FDNAMES=":".join(name for name, descriptor in given))
        os.execvpe(command[0], command, environment)
    print(f"main process {child} with {len(given)} descriptors", flush=True)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(f"main process {child} has ended with {status}", flush=True)
