// SPDX-License-Identifier: GPL-2.0
/*
 * Cleaning hooks: programs in /etc/directpath/clean.d, or shipped ones, that erase what a tenant has left in a function.
 *
 * The kernel gives the function to its host driver, the hook is run with its address, and the kernel takes it back; only a hook that ends with 0
 * makes it ready again. The hook runs as root, so it must be root's, and nobody else may be able to write it. What it prints goes to our standard error;
 * its last line becomes part of the reason if it fails. A signal that would end us ends the hook, and the function is taken back as dirty.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "act.h"
#include "clean.h"
#include "cmd.h"
#include "names.h"
#include "sysfs.h"

#ifndef HOOKDIR
#define HOOKDIR "/usr/libexec/directpath/clean.d"
#endif

/* As much as the kernel keeps. */
#define REASON_SIZE 80

/* The program, or why it may not be run. */
static bool find_hook(const char *name, char path[PATH_SIZE], char *why, size_t size)
{
	static const char *const dirs[] = { "/etc/directpath/clean.d", HOOKDIR };
	struct stat st;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		sysfs_path(path, "%s%s/%s", sysfs_root, dirs[i], name);
		if (stat(path, &st))
			continue;
		if (!S_ISREG(st.st_mode) || !(st.st_mode & 0100)) {
			snprintf(why, size, "%s/%s is no program", dirs[i], name);
			return false;
		}
		/* geteuid() is 0 but in tests: nobody else gets this far. */
		if ((st.st_uid && st.st_uid != geteuid()) || st.st_mode & 0022) {
			snprintf(why, size, "%s/%s can be written by others than root", dirs[i], name);
			return false;
		}
		return true;
	}
	snprintf(why, size, "there is no hook %s in %s or %s", name, dirs[0], dirs[1]);
	return false;
}

static volatile sig_atomic_t hook_pid;
static volatile sig_atomic_t caught;

static void on_signal(int number)
{
	caught = number;
	if (hook_pid > 0)
		kill((pid_t)-hook_pid, SIGTERM);
}

static const int ending[] = { SIGINT, SIGTERM, SIGHUP };

static void catch_signals(struct sigaction *old)
{
	struct sigaction action = { .sa_handler = on_signal };
	size_t i;

	caught = 0;
	for (i = 0; i < ARRAY_SIZE(ending); i++)
		sigaction(ending[i], &action, &old[i]);
}

static void restore_signals(const struct sigaction *old)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ending); i++)
		sigaction(ending[i], &old[i], NULL);
}

/* In the child, which leads a process group of its own: whatever it starts ends with it. */
static void exec_hook(const char *path, const struct dev *dev, int output)
{
	int null = open("/dev/null", O_RDONLY);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ending); i++)
		signal(ending[i], SIG_DFL);
	setpgid(0, 0);
	dup2(null, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	setenv("DIRECTPATH_ADDRESS", dev->address, 1);
	setenv("DIRECTPATH_DRIVER", dev->host_driver, 1);
	execl(path, path, dev->address, (char *)NULL);
	dprintf(STDERR_FILENO, "%s: %s\n", path, strerror(errno));
	_exit(127);
}

/* Pass on what the hook prints, and keep the beginning of its last line. */
static void follow_output(int fd, char *last, size_t size)
{
	size_t len = 0;
	char buf[256];
	ssize_t n, i;
	bool fresh = true;

	last[0] = '\0';
	while ((n = read(fd, buf, sizeof(buf))) > 0 || (n < 0 && errno == EINTR)) {
		if (n > 0 && fwrite(buf, 1, (size_t)n, stderr) != (size_t)n)
			clearerr(stderr);
		for (i = 0; i < n; i++) {
			if (buf[i] == '\n') {
				fresh = true;
				continue;
			}
			if (fresh)
				len = 0;
			fresh = false;
			if (len + 1 < size)
				last[len++] = buf[i];
			last[len] = '\0';
		}
	}
}

/* True if the hook has ended with 0; else why not. */
static bool run_hook(const char *path, const struct dev *dev, char *why, size_t size)
{
	char last[REASON_SIZE];
	int output[2], status;
	pid_t pid;

	if (pipe2(output, O_CLOEXEC)) {
		snprintf(why, size, "it could not be started: %s", strerror(errno));
		return false;
	}
	pid = fork();
	if (pid < 0) {
		snprintf(why, size, "it could not be started: %s", strerror(errno));
		close(output[0]);
		close(output[1]);
		return false;
	}
	if (!pid)
		exec_hook(path, dev, output[1]);
	setpgid(pid, pid);
	hook_pid = pid;
	if (caught)
		kill(-pid, SIGTERM);
	close(output[1]);
	follow_output(output[0], last, sizeof(last));
	close(output[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	hook_pid = 0;
	if (caught)
		snprintf(why, size, "interrupted");
	else if (WIFSIGNALED(status))
		snprintf(why, size, "killed by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		snprintf(why, size, "exit %d%s%.60s", WEXITSTATUS(status), last[0] ? ": " : "", last);
	return !caught && WIFEXITED(status) && !WEXITSTATUS(status);
}

static int take_back(const struct dev *dev, enum directpath_clean_step step, const char *why)
{
	struct op_request request = { .kind = DIRECTPATH_OP_KIND_CLEAN, .address = dev->address, .step = step, .message = why };

	return run_step(&request, "clean", dev->address);
}

static int run_cleaning(const struct dev *dev, const char *path)
{
	struct op_request request = { .kind = DIRECTPATH_OP_KIND_CLEAN, .address = dev->address, .step = DIRECTPATH_CLEAN_STEP_BEGIN };
	char message[REASON_SIZE + 64], why[REASON_SIZE] = "";
	int ret;

	ret = run_step(&request, "clean", dev->address);
	if (ret)
		return ret;
	if (run_hook(path, dev, why, sizeof(why))) {
		ret = take_back(dev, DIRECTPATH_CLEAN_STEP_DONE, NULL);
		return ret ? ret : report("clean", dev->address, "done", EXIT_DONE, dev->clean_hook, NULL);
	}
	ret = take_back(dev, DIRECTPATH_CLEAN_STEP_FAIL, why);
	if (ret)
		return ret;
	snprintf(message, sizeof(message), "hook %s: %s; it stays dirty", dev->clean_hook, why);
	return report("clean", dev->address, "failed", EXIT_KERNEL, message, NULL);
}

int clean_function(const struct dev *dev, bool abort)
{
	struct sigaction old[ARRAY_SIZE(ending)];
	char path[PATH_SIZE], why[256];
	int ret;

	if (abort) {
		ret = options.dry_run ? EXIT_DONE : take_back(dev, DIRECTPATH_CLEAN_STEP_FAIL, "aborted");
		return ret ? ret : report("clean", dev->address, options.dry_run ? "planned" : "done", EXIT_DONE, "aborted; it stays dirty", NULL);
	}
	if (dev->state == DIRECTPATH_STATE_READY || dev->state == DIRECTPATH_STATE_RESERVED || dev->state == DIRECTPATH_STATE_RUNNING)
		return report("clean", dev->address, "already", EXIT_DONE, state_name(dev->state), NULL);
	if (dev->state != DIRECTPATH_STATE_DIRTY) {
		snprintf(why, sizeof(why), "it is %s", state_name(dev->state));
		return report("clean", dev->address, "failed", EXIT_KERNEL, why, NULL);
	}
	if (!find_hook(dev->clean_hook, path, why, sizeof(why)))
		return report("clean", dev->address, "failed", EXIT_NOT_FOUND, why, NULL);
	if (options.dry_run) {
		snprintf(why, sizeof(why), "hook %.200s, driver %s", path, dev->host_driver[0] ? dev->host_driver : "none");
		return report("clean", dev->address, "planned", EXIT_DONE, why, NULL);
	}
	/* From here on the function has to come back, whatever happens to us. */
	catch_signals(old);
	ret = run_cleaning(dev, path);
	restore_signals(old);
	return ret;
}
