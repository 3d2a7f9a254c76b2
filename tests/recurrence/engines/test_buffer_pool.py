import threading

import torch

from palingen.recurrence.engines import buffer_pool
from palingen.recurrence.engines.buffer_pool import BufferPool, PooledBuffer

LIKE = torch.zeros(1)


def released(*sizes, capacity=4):
    """Pool with released buffers, and their addresses."""
    pool = BufferPool(capacity)
    buffers = [pool.acquire((size,), LIKE) for size in sizes]
    pool.release(*buffers)
    return pool, [buffer.data_ptr() for buffer in buffers], buffers


def test_a_released_buffer_is_reused_for_the_same_size_or_down_to_half_of_it():
    for shape in ((1000,), (100, 9), (500,)):
        pool, (address,), _ = released(1000)
        buffer = pool.acquire(shape, LIKE)
        assert buffer.shape == shape
        assert buffer.data_ptr() == address


def test_a_released_buffer_is_not_used_for_a_larger_or_much_smaller_size_or_another_dtype():
    pool, (address,), _ = released(1000)
    assert pool.acquire((1001,), LIKE).data_ptr() != address
    assert pool.acquire((499,), LIKE).data_ptr() != address
    assert pool.acquire((1000,), LIKE.double()).data_ptr() != address


def test_a_buffer_in_use_is_not_given_to_another():
    pool, _, _ = released(1000)
    first, second = pool.acquire((1000,), LIKE), pool.acquire((1000,), LIKE)
    assert first.data_ptr() != second.data_ptr()


def test_only_as_many_buffers_are_kept_as_the_pool_holds():
    pool, addresses, _buffers = released(1000, 1000, 1000, capacity=2)
    reused = [pool.acquire((1000,), LIKE).data_ptr() for _ in range(2)]
    assert reused == addresses[:2]
    assert pool.acquire((1000,), LIKE).data_ptr() not in addresses  # the third is still in use by `_buffers`


def test_a_finaliser_that_runs_while_its_own_thread_holds_the_pool_does_not_wait(monkeypatch):
    pool = BufferPool(capacity=4)
    monkeypatch.setattr(buffer_pool, "BUFFER_POOL", pool)
    pooled = [PooledBuffer(1000, LIKE)]
    address = pooled[0].memory.data_ptr()

    def collect():
        with pool._lock:  # where a garbage collection may start
            pooled.clear()

    thread = threading.Thread(target=collect, daemon=True)
    thread.start()
    thread.join(timeout=20)
    assert not thread.is_alive()
    assert pool.acquire((1000,), LIKE).data_ptr() == address


def test_buffers_of_finalisers_are_reused_the_last_one_first_and_no_more_than_the_pool_holds(monkeypatch):
    pool = BufferPool(capacity=2)
    monkeypatch.setattr(buffer_pool, "BUFFER_POOL", pool)
    pooled = [PooledBuffer(1000, LIKE) for _ in range(3)]
    buffers = [each.memory for each in pooled]  # in use, so that their addresses stay theirs
    while pooled:
        pooled.pop(0)
    reused = [pool.acquire((1000,), LIKE).data_ptr() for _ in range(3)]
    assert reused[:2] == [buffers[2].data_ptr(), buffers[1].data_ptr()]
    assert reused[2] not in {buffer.data_ptr() for buffer in buffers}
