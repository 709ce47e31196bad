/* SPDX-License-Identifier: BSD-2-Clause */
/* consumer.c in C++: the header compiles, and its functions have C names. */
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <sys/wait.h>
#include <unistd.h>

#include <spawn_template.h>

namespace
{

class Template
{
      public:
	explicit Template(const char *name)
	    : fd(spawn_template_search(name, nullptr,
				       SPAWN_TEMPLATE_CREATE_CLOEXEC))
	{
	}

	~Template()
	{
		if (fd >= 0)
			spawn_template_close(fd);
	}

	Template(const Template &) = delete;
	Template &operator=(const Template &) = delete;

	const int fd;
};

int fail(const char *what, int err)
{
	std::fprintf(stderr, "%s: %s\n", what, std::strerror(err));
	return 1;
}

} /* namespace */

int main(int argc, char **argv)
{
	spawn_template_spawn_args args{};
	struct spawn_template_stat st = {}; /* there is a function, too */
	spawn_template_action action{};
	int pidfd = -1, status = 0;

	if (argc < 2)
		return 2;
	Template tmpl(argv[1]);
	if (tmpl.fd < 0)
		return fail(argv[1], -tmpl.fd);

	action.type = SPAWN_TEMPLATE_ACTION_DUP2;
	action.fd = 1;
	action.newfd = 2;
	args.flags = SPAWN_TEMPLATE_SPAWN_NO_NEW_PRIVS;
	args.pidfd = reinterpret_cast<uintptr_t>(&pidfd);
	args.argv = reinterpret_cast<uintptr_t>(argv + 1);
	args.envp = reinterpret_cast<uintptr_t>(environ);
	args.actions = reinterpret_cast<uintptr_t>(&action);
	args.actions_len = 1;
	const pid_t pid = spawn_template_spawn(tmpl.fd, &args, sizeof(args));
	if (pid < 0)
		return fail("launch", -pid);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return fail("waitpid", EINVAL);
	close(pidfd);
	if (spawn_template_stat(tmpl.fd, &st, sizeof(st)) < 0 || st.cold != 1)
		return fail("stat", EINVAL);
	std::printf("status %d\n", WEXITSTATUS(status));
	return 0;
}
