# SPDX-License-Identifier: GPL-2.0
# What the kernel's headers offer, as -DDPATH_HAVE_*, for the overlays beside this file. Included by kmod/Kbuild.
# $(call dpath-probe,NAME,header below include/,extended regular expression); a dot for each parenthesis, as make counts them.
dpath-probe = $(if $(shell grep -sE '$(3)' $(srctree)/include/$(2)),-DDPATH_HAVE_$(1))

ccflags-y += $(call dpath-probe,EVENTFD_SIGNAL_ONE,linux/eventfd.h,void eventfd_signal.struct eventfd_ctx .ctx.$$)
ccflags-y += $(call dpath-probe,BYPASS_EVENTFD,linux/irqbypass.h,struct eventfd_ctx)
ccflags-y += $(call dpath-probe,VM_FLAGS_SET,linux/mm.h,void vm_flags_set.)
ccflags-y += $(call dpath-probe,HUGE_PFN_PLAIN,linux/huge_mm.h,vmf_insert_pfn_pmd.*unsigned long pfn)
ccflags-y += $(call dpath-probe,COR_ERROR,linux/pci.h,.cor_error_detected..struct pci_dev)
ccflags-y += $(call dpath-probe,MSIX_DYN,linux/pci.h,bool pci_msix_can_alloc_dyn.)
ccflags-y += $(call dpath-probe,MM_GET_UNMAPPED_AREA,linux/sched/mm.h,mm_get_unmapped_area.struct)
ccflags-y += $(call dpath-probe,DEVICE_OVERRIDE,linux/device.h,int __device_set_driver_override.)
ccflags-y += $(call dpath-probe,CONST_DEVNODE,linux/device.h,devnode..const struct device)
ccflags-y += $(call dpath-probe,ISOLATED_MSI,linux/iommu.h,bool iommu_group_has_isolated_msi)
ccflags-y += $(call dpath-probe,ALLOC_DISK_LIMITS,linux/blkdev.h,define blk_alloc_disk.lim)
ccflags-y += $(call dpath-probe,CONST_NLA_RANGE,net/netlink.h,const struct netlink_range_validation .range;)
ccflags-y += $(call dpath-probe,IOMMU_MAP_ATOMIC,linux/iommu.h,iommu_map_atomic.struct)
ccflags-y += $(call dpath-probe,PAGING_DOMAIN_ALLOC,linux/iommu.h,iommu_paging_domain_alloc.struct device)
ccflags-y += $(call dpath-probe,OLD_UNSHARE,linux/mm.h,bool gup_must_unshare.unsigned int flags)
ccflags-y += $(call dpath-probe,EXPORT_NS_STRING,linux/export.h,EXPORT_SYMBOL_NS_GPL.*"GPL". ns)
ccflags-y += $(call dpath-probe,EXPORT_LICENSE,linux/export.h,EXPORT_SYMBOL_NS_GPL.*"GPL")
