"""Verbs about this installation: app, worker, cancel, resume, teacher, and a job's child."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

from engine.cli.context import Context, Verbs
from engine.cli.housekeeping import add_jobs, forget_teacher_key
from engine.errors import BadInput, TeacherError, WorkFailed
from engine.llm.teacher import Role
from engine.python import child_environment, engine_command, module_command


def add_verbs(verbs: Verbs) -> None:
    """Add these verbs to the grammar."""
    app = verbs.add_parser("app", help="open the browser application and its worker")
    app.add_argument("--port", type=int, default=8501)
    app.set_defaults(run=_app)
    worker = verbs.add_parser("worker", help="run queued jobs")
    worker.add_argument("--watch", type=int, default=0, help="end when this process has ended")
    worker.set_defaults(run=_worker)
    add_jobs(verbs)
    for name, run in (("cancel", _cancel), ("resume", _resume)):
        verb = verbs.add_parser(name, help=f"{name} a job")
        verb.add_argument("job")
        verb.set_defaults(run=run)
        if name == "cancel":
            verb.add_argument("--discard", action="store_true", help="throw its work away")
    step = verbs.add_parser("step", help="run the step of a job's folder (the worker calls this)")
    step.add_argument("folder", type=Path)
    step.set_defaults(run=_step)
    _add_teacher(verbs)


def _add_teacher(verbs: Verbs) -> None:
    teacher = verbs.add_parser("teacher", help="choose and probe the teacher model")
    teacher.add_argument("action", choices=("set", "probe", "show", "forget-key"))
    teacher.add_argument(
        "--role",
        choices=get_args(Role),
        default="teacher",
        help="whose address it is: the teacher's, a judge's, or a second teacher's (coursegpt)",
    )
    teacher.add_argument("--kind", choices=("extractive", "endpoint", "embedded"))
    teacher.add_argument("--base-url")
    teacher.add_argument("--model")
    teacher.add_argument("--api-key-env")
    teacher.add_argument("--price-in", type=float, help="money per million prompt tokens")
    teacher.add_argument("--price-out", type=float, help="money per million answer tokens")
    teacher.set_defaults(run=_teacher)


def _app(context: Context) -> None:
    """Start worker and browser application; both end with this process."""
    from engine.sample import ensure_sample

    port, home = context.options.port, context.settings.home
    _check_free(port)
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background job inherits «ignore»
        signal.signal(number, signal.default_int_handler)
    print("Preparing the sample course …", file=sys.stderr)
    ensure_sample(context.settings, context.store)
    environment = child_environment(COURSEWRIGHT_HOME=str(home))
    commands = (
        engine_command(home, "worker", "--watch", str(os.getpid())),
        module_command("pages.shared.launch", str(port)),
    )
    worker, screens = (subprocess.Popen(c, cwd=home, env=environment) for c in commands)
    print(f"Coursewright is at http://127.0.0.1:{port}  (Ctrl-C ends it)", file=sys.stderr)
    with suppress(KeyboardInterrupt):  # that is how it is meant to end
        try:
            _keep_alive(worker, screens)
        finally:
            _end(screens, worker)


def _end(*children: subprocess.Popen[bytes]) -> None:
    """End the processes together and wait for each, at most 20 seconds."""
    for child in children:
        child.terminate()
    for child in children:
        child.wait(timeout=20)


def _check_free(port: int) -> None:
    """Refuse a port that cannot be listened on, before anything is prepared."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise WorkFailed(
                f"Port {port} is in use or not allowed.",
                code="app.port",
                next="Stop what runs there, or try another: coursewright app --port 8502",
                port=port,
            ) from error


def _keep_alive(worker: subprocess.Popen[bytes], screens: subprocess.Popen[bytes]) -> None:
    """Wait for the screens' end; a worker that died is told (jobs resume with the next one)."""
    told = False
    while (code := screens.poll()) is None:
        if worker.poll() is not None and not told:
            print("The worker ended; start another with: coursewright worker", file=sys.stderr)
            told = True
        time.sleep(0.5)
    if code:
        raise WorkFailed(
            f"The browser application ended with status {code}.",
            code="app.ended",
            next="The reason stands above. Start again: coursewright app",
        )


def _worker(context: Context) -> None:
    from engine.jobs import work

    work(context.settings, watch=context.options.watch)


def _cancel(context: Context) -> None:
    from engine.jobs import cancel

    discard = context.options.discard
    cancel(context.settings, context.options.job, discard=discard)
    kept = "what it made is thrown away." if discard else "what was done is kept."
    context.show({"job": context.options.job}, f"Asked to stop; {kept}")


def _resume(context: Context) -> None:
    from engine.jobs import read, resume

    job = context.options.job
    live = read(context.settings, job).live
    resume(context.settings, job)
    context.show({"job": job}, "It waits or runs already." if live else "Queued again.")


def _step(context: Context) -> None:
    from engine.child import run_child

    context.status = run_child(context.settings, context.options.folder)


def _teacher(context: Context) -> None:
    action = context.options.action
    shown = {
        "set": _set_teacher,
        "probe": _probe_teacher,
        "show": _show_teacher,
        "forget-key": forget_teacher_key,
    }
    context.show(shown[action](context))


def _set_teacher(context: Context) -> dict[str, Any]:
    from engine.llm.ledger import Price
    from engine.llm.teacher import load_choice, save_choice

    names = ("kind", "base_url", "model", "api_key_env")
    given = {name: getattr(context.options, name) for name in names}
    changes = {name: value for name, value in given.items() if value is not None}
    if changes.get("base_url") and "kind" not in changes:
        changes["kind"] = "endpoint"
    prices = (context.options.price_in, context.options.price_out)
    if any(price is not None for price in prices):
        changes["price"] = Price(prompt=prices[0] or 0.0, completion=prices[1] or 0.0)
    if not changes:
        raise BadInput("Nothing to set.", next="Give at least --base-url and --model.")
    role = context.options.role
    choice = load_choice(context.store, role).model_copy(update=changes)
    save_choice(context.store, context.settings, choice, role=role)
    return choice.model_dump(mode="json")


def _probe_teacher(context: Context) -> dict[str, Any]:
    from engine.llm.probe import probe
    from engine.llm.teacher import key_of, load_choice

    choice = load_choice(context.store, context.options.role)
    if choice.kind != "endpoint":
        raise BadInput(
            "No endpoint is set, so there is nothing to probe.",
            code="teacher.none",
            next="Set one: coursewright teacher set --base-url URL --model NAME",
        )
    report = probe(choice.base_url, choice.model, key_of(choice, context.settings))
    failed = [] if report.usable else [c for c in report.checks if c.status == "failed"]
    errors = [TeacherError(c.message, code=c.code, next=c.next) for c in failed]
    return context.part_failed(dict(report.model_dump(mode="json")), errors)


def _show_teacher(context: Context) -> dict[str, Any]:
    from engine.llm.teacher import load_choice

    return dict(load_choice(context.store).model_dump(mode="json"))
