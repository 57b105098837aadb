"""Whatever carries an accelerator is seen to carry one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor.catalog.accelerators import accelerator_of, facts, model_named
from governor.catalog.prices import PriceBook
from governor.model import Accelerator


@pytest.mark.parametrize(
    ("provider", "instance_type", "accelerator"),
    [
        ("aws", "p4d.24xlarge", Accelerator("A100", 8, 40)),
        ("aws", "ml.p4d.24xlarge", Accelerator("A100", 8, 40)),
        ("aws", "g6f.large", Accelerator("L4", 0.125, 2.79)),
        ("aws", "p2.8xlarge", Accelerator("K80", 8, 12)),
        ("aws", "trn2.48xlarge", Accelerator("Trainium2", 16, 96)),
        ("aws", "dl1.24xlarge", Accelerator("Gaudi", 8)),
        ("aws", "g4ad.xlarge", Accelerator("V520", 1)),
        ("aws", "p5e.96xlarge", Accelerator("H200", 8, 141)),
        ("aws", "p9z.48xlarge", Accelerator("unknown", 1)),
        ("azure", "STANDARD_NC6S_V3", Accelerator("V100", 1, 16)),
        ("azure", "Standard_NC6s_v2", Accelerator("P100", 1, 16)),
        ("azure", "Standard_NC8lds_xl_RTXPRO6000BSE_v6", Accelerator("RTXPRO6000", 1, 96)),
        ("azure", "Standard_NX8_v9", Accelerator("unknown", 1)),
        ("gcp", "a3-ultragpu-8g", Accelerator("H200", 8, 141)),
        ("gcp", "a2-highgpu-1g", Accelerator("A100", 1, 40)),
        ("gcp", "ct5lp-hightpu-4t", Accelerator("tpu-v5e", 4, 16)),
        ("gcp", "v5litepod-16", Accelerator("tpu-v5e", 16, 16)),
        ("gcp", "v4-8", Accelerator("tpu-v4", 4, 32)),
        ("gcp", "nvidia-tesla-t4", Accelerator("T4", 1, 16)),
        ("gcp", "nvidia-tesla-p4-vws", Accelerator("P4", 1, 8)),
        ("lambda", "gpu_8x_h100_sxm5", Accelerator("H100", 8, 80)),
    ],
)
def test_accelerators(provider, instance_type, accelerator):
    assert accelerator_of(provider, instance_type) == accelerator


@pytest.mark.parametrize(
    ("provider", "instance_type"),
    [
        ("aws", "t3.micro"),
        ("aws", "m7g.large"),
        ("aws", "ml.m5.xlarge"),
        ("aws", "i3.large"),
        ("aws", ""),
        ("azure", "Standard_D4s_v5"),
        ("azure", "Standard_HB120rs_v3"),
        ("gcp", "n2-standard-4"),
        ("gcp", "e2-medium"),
        ("gcp", "c4a-standard-4"),
        ("openai", "p4d.24xlarge"),
    ],
)
def test_none_where_there_is_none(provider, instance_type):
    assert accelerator_of(provider, instance_type) is None


FAMILIES = [
    "p2",
    "p3",
    "p3dn",
    "p4d",
    "p4de",
    "p5",
    "p5e",
    "p5en",
    "p6-b200",
    "p6-b300",
    "p6e-gb200",
    "g3",
    "g3s",
    "g4dn",
    "g4ad",
    "g5",
    "g5g",
    "g6",
    "g6e",
    "g6f",
    "gr6",
    "gr6f",
    "g7e",
    "trn1",
    "trn1n",
    "trn2",
    "trn2u",
    "trn3",
    "inf1",
    "inf2",
    "inf3",
    "dl1",
    "dl2q",
    "vt1",
]


@given(st.sampled_from(FAMILIES), st.from_regex(r"([0-9]{0,2}x?large|metal(-[0-9]{2}xl)?)", fullmatch=True))
def test_no_size_of_an_accelerated_family_is_without(family, size):
    plain = accelerator_of("aws", f"{family}.{size}")
    assert plain is not None
    assert plain.count > 0
    assert accelerator_of("aws", f"ml.{family}.{size}") == plain


@given(st.from_regex(r"Standard_N[A-Za-z0-9_]{1,20}", fullmatch=True))
def test_every_azure_n_size_carries_one(size):
    assert accelerator_of("azure", size) is not None


@given(st.sampled_from(list(PriceBook.shipped())))
def test_every_priced_type_has_the_accelerator_of_its_row(row):
    accelerator = accelerator_of(row.provider, row.instance_type)
    assert accelerator.model == row.accelerator
    assert accelerator.count == (row.accelerator_count or 1)
    assert accelerator.memory_gib == row.accelerator_memory_gib


def test_facts():
    h100 = facts("H100")
    assert (h100.manufacturer, h100.memory_gib, h100.tdp_watts) == ("NVIDIA", 80, 700)
    assert h100.source
    assert facts("T4g").tdp_watts is None
    assert facts("unknown") is None


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("NVIDIA-A100-SXM4-80GB", "A100-80GB"),
        ("NVIDIA-A100-PCIE-40GB", "A100"),
        ("a100", "A100"),
        ("A100-80GB", "A100-80GB"),
        ("NVIDIA-H100-80GB-HBM3", "H100"),
        ("NVIDIA-L40S-SHARED", "L40S"),
        ("NVIDIA-RTX-PRO-6000-Blackwell-Server-Edition", "RTXPRO6000"),
        ("Tesla-T4", "T4"),
        ("AMD_Instinct_MI300X_OAM", "MI300X"),
        ("trainium2", "Trainium2"),
        ("RTX6000-Ada", ""),
        ("NVIDIA-GeForce-RTX-4090", ""),
        ("", ""),
    ],
)
def test_the_model_that_a_product_is_called_after(name: str, model: str) -> None:
    assert model_named(name) == model


@given(st.sampled_from([row.accelerator for row in PriceBook.shipped() if not row.accelerator.startswith("tpu-")]))
def test_every_model_of_the_book_is_called_after_itself(model: str) -> None:
    assert model_named(model) == model
