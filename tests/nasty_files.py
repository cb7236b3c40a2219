"""What learners' files may do to a grader: name, the file, the kind of verdict, words of the story."""

from __future__ import annotations

from dataclasses import dataclass

HEAD = "import torch\nfrom torch import Tensor\n\n\n"
RIGHT = "def double(x):\n    return 2 * x\n"
WRONG = "def double(x):\n    return 3 * x\n"
AMPLE, SHORT = 20.0, 0.6
"""Seconds for what ends by itself, and for what never does."""


@dataclass(frozen=True)
class Nasty:
    """One file and what is to come of it."""

    answer: str | bytes
    kind: str
    words: str = ""
    seconds: float = AMPLE


def within(body: str, *, imports: str = "", after: str = "return 2 * x") -> str:
    """Return a file whose function first does something nasty."""
    lines = [*body.splitlines(), after]
    return f"{imports}\n{HEAD}def double(x):\n" + "".join(f"    {line}\n" for line in lines)


def first(body: str, *, then: str = RIGHT) -> str:
    """Return a file that does something nasty when it is loaded."""
    return f"{HEAD}{body}\n\n\n{then}"


def _endless(answer: str, words: str = "It was in line") -> Nasty:
    return Nasty(answer, "timeout", words, SHORT)


def _refused(answer: str, words: str) -> Nasty:
    return Nasty(answer, "error", words)


FILES: dict[str, Nasty] = {
    # -- what is only unusual ------------------------------------------------------------------
    "right": Nasty(HEAD + RIGHT, "passed"),
    "bom": Nasty(b"\xef\xbb\xbf" + (HEAD + "def double(x):\n    return x * 2\n").encode(), "passed"),
    "crlf": Nasty((HEAD + "def double(x):\n    return x * 2\n").replace("\n", "\r\n"), "passed"),
    "other_names": Nasty(HEAD + "def double(values):\n    return values * 2\n", "passed"),
    "prints": Nasty(within("print('hello', x.shape)"), "passed"),
    "shouts": Nasty(first("print('x' * 1000000)"), "passed"),
    "latin1": Nasty(b"# caf\xe9\ndef double(x):\n    return x\n", "error", "not UTF-8 text (line 1)"),
    "syntax": Nasty(HEAD + "def double(x)\n    return 2 * x\n", "error", "SyntaxError"),
    "no_import": Nasty("def double(x):\n    return torch.add(x, x)\n", "error", "NameError"),
    "import_fails": Nasty("import nowhere_to_be_found\n", "error", "ModuleNotFoundError"),
    "stub": Nasty("", "contract", "no 'double'"),
    "missing": Nasty(HEAD + "x = 1\n", "contract", "no 'double'"),
    "misspelt": Nasty(HEAD + "def duoble(x):\n    return 2 * x\n", "contract", "did you mean"),
    "a_class": Nasty(HEAD + "class double:\n    pass\n", "contract", "a function is asked for"),
    "no_argument": Nasty(HEAD + "def double():\n    return 2\n", "contract", "cannot be called"),
    "two_arguments": Nasty(HEAD + "def double(x, y):\n    return 2 * x\n", "contract", "cannot be called"),
    "unfinished": Nasty(within("y = x + x\nraise NotImplementedError(y)"), "todo", "Not written yet"),
    # -- wrong in a plain way --------------------------------------------------------------------
    "a_list": Nasty(within("", after="return (2 * x).tolist()"), "contract", "a list"),
    "numpy": Nasty(within("", after="return (2 * x.detach()).numpy()"), "contract", "numpy.ndarray"),
    "nothing": Nasty(within("2 * x", after=""), "contract", "None"),
    "a_string": Nasty(within("", after="return 'two'"), "contract", "a string"),
    "nan": Nasty(within("", after="return x * float('nan')"), "value", "not finite"),
    "transposed": Nasty(within("", after="return (2 * x).T"), "contract", "shape"),
    "single": Nasty(within("", after="return (2 * x).float()"), "contract", "float32"),
    "in_place": Nasty(within("x *= 2", after="return x"), "mutation", "'x'"),
    "detached": Nasty(within("", after="return 2 * x.detach()"), "gradient", "No gradient"),
    "raises": Nasty(within("", after="return x + [1]['a']"), "error", "TypeError"),
    "same": Nasty(within("", after="return x * 1"), "value", "returns its input"),
    "random": Nasty(within("", after="return 2 * x + torch.rand_like(x)"), "value", "wrong"),
    "remembers": Nasty(
        first(
            "calls = []",
            then="def double(x):\n    calls.append(1)\n    return x * (2 if len(calls) % 2 else 3)\n",
        ),
        "value",
        "second call",
    ),
    "dawdles": Nasty(within("time.sleep(0.3)", imports="import time"), "timeout", "more than 2 seconds", 2),
    # -- without end -------------------------------------------------------------------------------
    "loops": _endless(within("while True:\n    pass"), "It was in line"),
    "loops_at_import": _endless("while True:\n    pass\n", "while it was being loaded"),
    "loops_inside": _endless(
        first(
            "def inner():\n    while True:\n        torch.zeros(1)",
            then="def double(x):\n    return inner()\n",
        ),
        "It was in line",
    ),
    "loops_in_a_generator": _endless(
        within("return sum(1 for _ in iter(int, 1))"), "It was in line 7: return sum"
    ),
    "sleeps": _endless(within("time.sleep(600)", imports="import time"), "It was in line 7: time.sleep(600)"),
    "multiplies": _endless(
        within("a = torch.ones(6000, 6000, dtype=torch.float64)\nwhile True:\n    a @ a"),
        "It was in line",
    ),
    "matches": _endless(
        within("re.match('(a+)+$', 'a' * 40 + 'b')", imports="import re"), "It was in line 7: re.match"
    ),
    "joins_a_loop": _endless(
        within(
            "t = threading.Thread(target=lambda: [0 for _ in iter(int, 1)])\nt.start()\nt.join()",
            imports="import threading",
        ),
        "It was in line 9: t.join()",
    ),
    "loops_beside": Nasty(
        first(
            "import threading, time\n\n\ndef idle():\n    while True:\n        time.sleep(0.01)\n\n\n"
            "threading.Thread(target=idle, daemon=True).start()\nthreading.Thread(target=idle).start()"
        ),
        "passed",
    ),
    "loops_when_deleted": _endless(
        first(
            "class Sticky:\n    def __del__(self):\n        while True:\n            pass",
            then="def double(x):\n    Sticky()\n    return 2 * x\n",
        ),
        "It was in line",
    ),
    "loops_backward": _endless(
        first(
            "class Twice(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n        return 2 * x\n\n"
            "    @staticmethod\n    def backward(ctx, g):\n        while True:\n            pass",
            then="double = Twice.apply\n",
        ),
        "ran out of time",
    ),
    "loops_in_repr": _endless(
        first(
            "class Shy:\n    def __repr__(self):\n        while True:\n            pass",
            then="def double(x):\n    return Shy()\n",
        ),
        "It was in line",
    ),
    "deaf": _endless(
        within(
            "for n in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):\n    signal.signal(n, signal.SIG_IGN)\n"
            "while True:\n    pass",
            imports="import signal",
        ),
        "ran out of time",
    ),
    "stops_itself": _endless(within("os.kill(os.getpid(), 19)", imports="import os"), "ran out of time"),
    "without_faulthandler": _endless(
        first(
            "import faulthandler\nfaulthandler.disable()\nfaulthandler.unregister(10)\nwhile True:\n    pass"
        ),
        "ran out of time",
    ),
    # -- processes ---------------------------------------------------------------------------------
    "forks": _refused(
        within("while True:\n    os.fork()", imports="import os"), "cannot start other processes"
    ),
    "popen": _refused(
        within("subprocess.Popen(['sleep', '1000'])", imports="import subprocess"),
        "cannot start other processes",
    ),
    "system": _refused(
        within("os.system('sleep 1000 &')", imports="import os"), "cannot start other processes"
    ),
    "pool": _refused(
        first(
            "import multiprocessing", then="def double(x):\n    multiprocessing.Pool(2)\n    return 2 * x\n"
        ),
        "PermissionError",
    ),
    "spawns": Nasty(
        # What an audit hook does not see: the process is started, and ended with the kata.
        first(
            "import os, _posixsubprocess\na, b = os.pipe()\n"
            "_posixsubprocess.fork_exec([b'sleep', b'1000'], [b'/bin/sleep', b'/usr/bin/sleep'], True, (b,), None,\n"
            "    None, -1, -1, -1, -1, -1, -1, a, b, True, True, -1, None, None, None, -1, None, False)"
        ),
        "passed",
    ),
    "daemon": Nasty(
        first(
            "import ctypes, os, time\nlibc = ctypes.PyDLL(None)\nif libc.fork() == 0:\n    libc.setsid()\n"
            "    if libc.fork() == 0:\n        time.sleep(1000)\n    libc._exit(0)"
        ),
        "passed",
    ),
    "brood": Nasty(
        # A bounded fork bomb: 2**6 processes, each in a session of its own.
        first(
            "import ctypes, time\nlibc = ctypes.PyDLL(None)\nmine = True\nfor _ in range(6):\n"
            "    if libc.fork() == 0:\n        mine = False\n        libc.setsid()\nif not mine:\n    time.sleep(1000)"
        ),
        "passed",
    ),
    "leaves_its_group": _endless(
        first(
            "import ctypes\nctypes.CDLL(None).setpgid(0, ctypes.CDLL(None).getpgid(1) or 1)\nwhile True:\n    pass"
        ),
        "ran out of time",
    ),
    "leaves": Nasty(within("os._exit(0)", imports="import os"), "crashed", "exit code 0"),
    "exits": _refused(within("sys.exit(0)", imports="import sys"), "SystemExit"),
    "exits_early": _refused("import sys\nsys.exit(0)\n", "SystemExit"),
    "base": _refused(within("raise BaseException('boo')"), "BaseException: boo"),
    "interrupt": _refused(within("raise KeyboardInterrupt"), "KeyboardInterrupt"),
    "kills_itself": Nasty(within("os.kill(os.getpid(), 15)", imports="import os"), "crashed", "SIGTERM"),
    "kills_its_parent": _refused(
        within("os.kill(os.getppid(), 9)", imports="import os"), "cannot send signals"
    ),
    "kills_its_parent_in_c": Nasty(
        first("import ctypes, os\nassert ctypes.CDLL(None).kill(os.getppid(), 9) != 0"), "passed"
    ),
    "stops_its_parent": _refused(
        within("os.kill(os.getppid(), 19)", imports="import os"), "cannot send signals"
    ),
    "kills_its_group": Nasty(within("os.killpg(0, 15)", imports="import os"), "crashed", "SIGTERM"),
    "aborts": Nasty(within("os.abort()", imports="import os"), "crashed", "It was in line 7: os.abort()"),
    "segfault": Nasty(within("ctypes.string_at(0)", imports="import ctypes"), "crashed", "SIGSEGV"),
    "alarm": Nasty(
        within("signal.alarm(1)\ntime.sleep(60)", imports="import signal, time"), "crashed", "SIGALRM"
    ),
    "handles_alarm": _refused(
        within(
            "def late(*_):\n    raise TimeoutError('late')\nsignal.signal(signal.SIGALRM, late)\n"
            "signal.setitimer(signal.ITIMER_REAL, 0.05)\ntime.sleep(60)",
            imports="import signal, time",
        ),
        "TimeoutError: late",
    ),
    "recursion": _refused(within("return double(x)"), "RecursionError"),
    "deep_recursion": Nasty(
        within("sys.setrecursionlimit(10**9)\nreturn repr_of(x)", imports="import sys").replace(
            "def double", "def repr_of(x):\n    return sorted([x], key=repr_of)\n\n\ndef double"
        ),
        "crashed",
        "SIGSEGV",
    ),
    # -- too much of something ---------------------------------------------------------------------
    "a_hundred_gigabytes": _refused(
        within("torch.empty(10**11, dtype=torch.uint8)"), "more memory than a kata may use"
    ),
    "grows": _refused(
        first("a = []\nwhile True:\n    a.append(bytearray(1 << 28))"), "more memory than a kata may use"
    ),
    "fills": _refused(
        first("import time\na = []\nwhile True:\n    a.append(b'x' * (1 << 25))\n    time.sleep(0.001)"),
        "more memory than a kata may use",
    ),
    "prints_without_end": _refused(within("while True:\n    print('x' * 10000)"), "prints or writes more"),
    "a_gigabyte_out": _refused(
        first("import sys\nsys.stdout.write('x' * (1 << 30))"), "prints or writes more"
    ),
    "a_gigabyte_err": _refused(
        first("import sys\nsys.stderr.write('x' * (1 << 30))"), "prints or writes more"
    ),
    "writes_to_one": _refused(
        within("while True:\n    os.write(1, b'x' * (1 << 22))", imports="import os"), "prints or writes more"
    ),
    "opens_files": _refused(
        within("kept = [open('/dev/null') for _ in range(200000)]"), "holds more files open than a kata may"
    ),
    "threads": Nasty(
        within(
            "for _ in range(100):\n    threading.Thread(target=time.sleep, args=(1000,)).start()",
            imports="import threading, time",
        ),
        "error",
        "more threads",
    ),
    "a_huge_result": Nasty(
        within("", after="return torch.zeros(1, dtype=x.dtype).expand(10**12)"),
        "crashed",
        "cannot be sent back",
    ),
    "a_large_result": Nasty(
        within("", after="return torch.zeros(10**8, dtype=x.dtype)"), "crashed", "cannot be sent back"
    ),
    "a_huge_number": Nasty(within("", after="return 10**100000"), "crashed", "cannot be sent back"),
    "deeply_nested": Nasty(
        within("a = 2 * x\nfor _ in range(100000):\n    a = [a]", after="return a"),
        "crashed",
        "nested too deeply",
    ),
    "circular": Nasty(within("a = [x]\na.append(a)", after="return a"), "crashed", "nested too deeply"),
    # -- objects that do not behave ----------------------------------------------------------------
    "liar": Nasty(
        first(
            "class Yes(float):\n    def __eq__(self, other):\n        return True",
            then="def double(x):\n    return Yes(1)\n",
        ),
        "contract",
        "tensor is asked for",
    ),
    "refuses_everything": Nasty(
        first(
            "class No:\n    def _no(self, *a):\n        raise KeyboardInterrupt('no')\n\n"
            "    __repr__ = __eq__ = __len__ = __getattr__ = __iter__ = __bool__ = __str__ = _no",
            then="def double(x):\n    return No()\n",
        ),
        "contract",
        "tensor is asked for",
    ),
    "raises_badly": _refused(
        first(
            "class Bad(Exception):\n    def __str__(self):\n        raise SystemExit",
            then="def double(x):\n    raise Bad\n",
        ),
        "Bad",
    ),
    "writes_escapes": _refused(
        within("print('\\x1b[2J1 passed')\nraise ValueError('\\x1b[2Jsaid \\ud800')"),
        "ValueError: \\x1b[2Jsaid \\ud800",
    ),
    "odd_signature": Nasty(
        first(
            "class Odd:\n    @property\n    def __signature__(self):\n        raise SystemExit\n\n"
            "    def __call__(self, x):\n        return 2 * x",
            then="double = Odd()\n",
        ),
        "crashed",
        "broke the process it runs in (SystemExit",
    ),
    "subclass": Nasty(
        first(
            "class Sure(torch.Tensor):\n    @classmethod\n    def __torch_function__(cls, f, t, a=(), k=None):\n"
            "        return True if f.__name__ in ('equal', 'allclose', '__eq__') else super().__torch_function__(f, t, a, k)",
            then="def double(x):\n    return (3 * x).as_subclass(Sure)\n",
        ),
        "value",
        "wrong",
    ),
    # -- the engine's own ground -------------------------------------------------------------------
    "patches": Nasty(
        first("torch.allclose = torch.equal = torch.isclose = lambda *a, **k: True", then=WRONG),
        "value",
        "wrong",
    ),
    "patches_equality": Nasty(
        first(
            "torch.Tensor.__eq__ = torch.Tensor.eq = lambda *a: torch.tensor(True)\n"
            "torch.Tensor.clone = lambda self, **k: self\ntorch.equal = torch.allclose = lambda *a, **k: True",
            then="def double(x):\n    x.mul_(2)\n    return x + 0\n",
        ),
        "mutation",
        "'x'",
    ),
    "patches_builtins": Nasty(
        first(
            "import builtins\nbuiltins.isinstance = lambda *a: True\nbuiltins.zip = lambda *a, **k: iter(())\n"
            "builtins.len = lambda *a: 0\n__builtins__.enumerate = lambda *a: iter(())",
            then="def double(x):\n    x.mul_(2)\n    return x + 0\n",
        ),
        "mutation",
        "'x'",
    ),
    "patches_time": _endless(
        first(
            "import time\ntime.perf_counter = time.monotonic = time.time = lambda: 0.0\nwhile True:\n    pass"
        ),
        "ran out of time",
    ),
    "patches_json": Nasty(
        first(
            "import json, struct\njson.dumps = lambda *a, **k: '{\"ok\": {}}'\nstruct.Struct = None",
            then=WRONG,
        ),
        "crashed",
        "",
    ),
    "patches_the_wire": Nasty(
        first(
            "import sys\nframe = sys._getframe()\nwhile frame:\n    if 'wire' in frame.f_globals:\n"
            "        w = frame.f_globals['wire']\n        w.encode = w.pack = lambda *a, **k: b''\n    frame = frame.f_back",
            then=WRONG,
        ),
        "crashed",
        "",
    ),
    "forgets_modules": Nasty(
        first("import sys\nsys.modules.clear()", then=WRONG), "crashed", "cannot be sent back"
    ),
    "empty_path": Nasty(first("import sys\nsys.path[:] = []"), "passed"),
    "peeks": _refused(first("import solutions.tiny.peeks"), "cannot import solutions"),
    "judge": _refused(first("import grader.contract.kata"), "cannot import grader"),
    # -- what is left behind for the next ----------------------------------------------------------
    "default_dtype": Nasty(first("torch.set_default_dtype(torch.float16)"), "passed"),
    "no_gradients": Nasty(first("torch.set_grad_enabled(False)"), "gradient", "No gradient"),
    "many_threads": Nasty(first("torch.set_num_threads(7)\ntorch.manual_seed(0)"), "passed"),
    "other_device": Nasty(
        first("torch.set_default_device('meta')"), "crashed", "broke the process it runs in"
    ),
    "deterministic": Nasty(first("torch.use_deterministic_algorithms(True)"), "passed"),
    "no_collection": Nasty(first("import gc\ngc.disable()\ngc.set_threshold(1)"), "passed"),
    "traces": Nasty(
        first("import sys\nsys.settrace(lambda *a: None)\nsys.setprofile(lambda *a: None)"), "passed"
    ),
    "warns": Nasty(first("import warnings\nwarnings.simplefilter('error')\nimport os\nos.nice(5)"), "passed"),
    "at_exit": Nasty(first("import atexit\natexit.register(lambda: open('/tmp/nasty', 'w'))"), "passed"),
    "thread_hook": Nasty(
        first(
            "import threading, sys\nthreading.excepthook = sys.excepthook = lambda *a: sys.exit(1)\n"
            "threading.Thread(target=lambda: 1 / 0).start()"
        ),
        "passed",
    ),
    # -- files ---------------------------------------------------------------------------------------
    "changes_folder": Nasty(first("import os\nos.chdir('/')"), "passed"),
    "leaves_files": Nasty(
        first("from pathlib import Path\nPath('left').write_text('x')\nPath('deep/er').mkdir(parents=True)"),
        "passed",
    ),
    "removes_the_katas": _refused(
        first("import shutil, pathlib\nshutil.rmtree(pathlib.Path(__file__).parent)"),
        "cannot change files outside",
    ),
    "removes_quietly": Nasty(
        first(
            "import pathlib\nfor path in pathlib.Path(__file__).parent.iterdir():\n    try:\n        path.unlink()\n"
            "    except OSError:\n        pass"
        ),
        "passed",
    ),
    "removes_in_c": Nasty(
        first(
            "import ctypes, pathlib\nfor path in pathlib.Path(__file__).parent.parent.rglob('*.py'):\n"
            "    ctypes.CDLL(None).unlink(bytes(path))"
        ),
        "passed",
    ),
    "whatever_test": Nasty(
        first("import os\nassert os.path.basename(os.getcwd()).startswith('dojo-')"), "passed"
    ),
    "rewrites_tests": _refused(
        first("import pathlib\npathlib.Path(__file__).with_name('test_right.py').write_text('')"),
        "cannot write files",
    ),
    "writes_to_the_author": _refused(
        first(
            "import pathlib\n(pathlib.Path(__file__).parents[2] / 'solutions/tiny/right.py').write_text('')"
        ),
        "cannot open the author's files",
    ),
    "reads_the_author": _refused(
        first("import pathlib\n(pathlib.Path(__file__).parents[2] / 'solutions/tiny/right.py').read_text()"),
        "cannot open the author's files",
    ),
    "reads_the_author_in_c": Nasty(
        first(
            "import ctypes, pathlib\npath = pathlib.Path(__file__).parents[2] / 'solutions/tiny/right.py'\n"
            "assert ctypes.CDLL(None).open(bytes(path), 0) < 0"
        ),
        "passed",
    ),
    "closes_files": Nasty(
        within("os.closerange(0, 1000)", imports="import os"), "crashed", "cut its process off"
    ),
    "reads_input": _refused(within("input('Which? ')"), "has nobody to answer"),
    "reads_stdin": Nasty(within("assert sys.stdin.read() == ''", imports="import sys"), "passed"),
    "stops": _refused(within("breakpoint()"), "--pdb"),
    "says_it_passed": Nasty(
        # Whatever file the grader left open is written to.
        first(
            "import os\nfor fd in range(3, 100):\n    try:\n        os.fstat(fd)\n        if os.path.isfile(f'/proc/self/fd/{fd}'):\n"
            '            os.write(fd, b\'\\n{"event": "kata", "kata": "tiny/says_it_passed", "kind": "passed", '
            '"seconds": 1, "passed": 3, "total": 3}\\n\')\n    except OSError:\n        pass',
            then=WRONG,
        ),
        "value",
        "wrong",
    ),
}

LINUX_ONLY = {"brood", "daemon", "leaves_its_group", "spawns"}
"""What only comes back to be ended where orphans can be adopted."""

KERNEL = {"reads_the_author_in_c": 1, "removes_in_c": 1, "kills_its_parent_in_c": 6}
"""What only the kernel can refuse, by the version of Landlock that does."""
