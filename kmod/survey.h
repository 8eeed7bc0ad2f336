/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_SURVEY_H
#define DPATH_SURVEY_H

/*
 * What the parts of dpath_verdict_collect() share: verdict.c (the function) and verdict_set.c (its set and the path to the root).
 */

#include <linux/minmax.h>
#include <linux/pci.h>

#include "group.h"
#include "verdict.h"

/**
 * struct dpath_survey - one verdict being made
 * @pdev: the function
 * @opts: what the admin has said
 * @verdict: what has been found so far
 * @group: its set, referenced
 * @members: functions of the set, referenced, while dpath_survey_group() runs
 * @driver: what is bound to it
 * @awake: its config space may be read
 */
struct dpath_survey {
	struct pci_dev *pdev;
	const struct dpath_verdict_opts *opts;
	struct dpath_verdict *verdict;
	struct iommu_group *group;
	struct dpath_members members;
	struct dpath_driver_facts driver;
	bool awake;
};

/* Name of the part of the platform that a function is, or NULL for what can be given to a VM. */
const char *dpath_survey_part(struct pci_dev *pdev);
void dpath_survey_group(struct dpath_survey *survey);

/* The worst fact decides. */
static inline void dpath_survey_lower(struct dpath_survey *survey, enum directpath_grade grade)
{
	survey->verdict->grade = max(survey->verdict->grade, grade);
}

#endif
