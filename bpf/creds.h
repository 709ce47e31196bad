/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What a credential allows, to be compared where the object is another.
 */
#ifndef CREDS_H
#define CREDS_H

#include "maps.h"

static __always_inline __u64 caps_of(const kernel_cap_t *set)
{
	__u64 caps = 0;

	bpf_core_read(&caps, sizeof(caps), set);
	return caps;
}

static __always_inline void creds_of(const struct cred *cred,
				     struct template_creds *to)
{
	to->uid = cred->uid.val;
	to->gid = cred->gid.val;
	to->suid = cred->suid.val;
	to->sgid = cred->sgid.val;
	to->euid = cred->euid.val;
	to->egid = cred->egid.val;
	to->fsuid = cred->fsuid.val;
	to->fsgid = cred->fsgid.val;
	to->securebits = cred->securebits;
	to->pad = 0;
	to->inheritable = caps_of(&cred->cap_inheritable);
	to->permitted = caps_of(&cred->cap_permitted);
	to->effective = caps_of(&cred->cap_effective);
	to->bounding = caps_of(&cred->cap_bset);
	to->ambient = caps_of(&cred->cap_ambient);
	to->user_ns = (__u64)cred->user_ns;
}

static __always_inline bool same_creds(const struct cred *cred,
				       const struct template_creds *want)
{
	struct template_creds now;

	creds_of(cred, &now);
	return now.uid == want->uid && now.gid == want->gid &&
	       now.suid == want->suid && now.sgid == want->sgid &&
	       now.euid == want->euid && now.egid == want->egid &&
	       now.fsuid == want->fsuid && now.fsgid == want->fsgid &&
	       now.securebits == want->securebits &&
	       now.inheritable == want->inheritable &&
	       now.permitted == want->permitted &&
	       now.effective == want->effective &&
	       now.bounding == want->bounding && now.ambient == want->ambient &&
	       now.user_ns == want->user_ns;
}

#endif
