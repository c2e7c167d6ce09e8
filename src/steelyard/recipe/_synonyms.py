"""Other people's spellings of our keys: Transformers 4 and 5, AutoTrain, Lightning, Keras, torchtune, and plain habit."""

import re

_TABLE = {
    "training.epochs": "num_train_epochs num_epochs n_epochs nb_epochs max_epochs epoch train_epochs",
    "training.steps": "max_steps num_steps num_training_steps n_steps total_steps train_steps iterations "
        "max_iters",
    "training.batch_size": "per_device_train_batch_size train_batch_size per_gpu_train_batch_size batch bs "
        "batchsize global_batch_size effective_batch_size auto_find_batch_size "
        "per_device_eval_batch_size eval_batch_size",
    "training.micro_batch": "gradient_accumulation_steps gradient_accumulation accumulate_grad_batches "
        "accumulation_steps grad_accum_steps micro_batch_size device_batch_size",
    "training.batch_tokens": "max_tokens_per_batch tokens_per_batch batch_size_tokens max_batch_tokens",
    "training.class_weights": "class_weight pos_weight label_weights",
    "training.label_smoothing": "label_smoothing_factor smoothing",
    "training.ema": "use_ema ema_decay exponential_moving_average averaging",
    "training.early_stopping": "early_stopping_patience patience early_stop",
    "training.gradient_checkpointing": "grad_checkpointing activation_checkpointing recompute",
    "training.compile": "torch_compile use_compile",
    "training.seeds": "n_seeds num_seeds repeats repetitions",
    "training.augment": "augmentation augmentations data_augmentation transforms",
    "model.revision": "model_revision branch tag commit",
    "model.freeze": "frozen freeze_layers freeze_encoder freeze_backbone",
    "model.lora": "peft peft_config lora_config adapter adapters",
    "training.learning_rate": "lr base_lr max_lr peak_lr init_lr initial_lr step_size",
    "training.weight_decay": "wd decay l2 adam_weight_decay",
    "training.optimizer": "optim optimiser opt optimizer_name optim_type adam",
    "training.schedule": "lr_scheduler_type lr_scheduler scheduler lr_schedule learning_rate_schedule lr_decay "
        "sched",
    "training.warmup_steps": "warmup_ratio warmup num_warmup_steps lr_warmup_steps warmup_proportion "
        "warmup_fraction warmup_iters warmup_epochs",
    "training.max_grad_norm": "gradient_clip_val grad_clip clip_grad clip_grad_norm gradient_clipping clipnorm "
        "max_norm grad_norm",
    "training.best": "metric_for_best_model load_best_model_at_end monitor best_metric greater_is_better "
        "save_best_only",
    "training.evaluate_every": "evaluation_strategy eval_strategy eval_steps eval_every evaluate_during_training "
        "eval_interval val_check_interval check_val_every_n_epoch do_eval",
    "training.checkpoint_every": "save_strategy save_steps save_every checkpoint_interval checkpointing_steps save_freq "
        "save_interval",
    "training.keep_checkpoints": "save_total_limit save_top_k max_to_keep keep_last_n max_checkpoints",
    "training.log_every": "logging_steps logging_strategy log_interval log_every_n_steps print_every log_steps",
    "training.precision": "fp16 bf16 mixed_precision amp dtype torch_dtype use_cpu half_precision",
    "training.layout": "memory_format channels_last",
    "training.threads": "num_threads torch_num_threads n_jobs num_workers dataloader_num_workers nproc",
    "seed": "random_seed data_seed random_state manual_seed rng_seed",
    "run": "output_dir out_dir save_dir project_name run_name name experiment experiment_name "
        "logging_dir overwrite_output_dir",
    "task": "task_name problem task_type problem_type pipeline_tag",
    "model": "network net architecture",
    "model.from": "model_name_or_path model_name pretrained pretrained_model checkpoint base_model "
        "pretrained_model_name_or_path model_path path hub_id model_id from_pretrained repo_id "
        "id weights",
    "model.family": "arch model_type backbone kind type",
    "model.options": "config config_overrides model_kwargs model_args params hyperparameters kwargs",
    "data": "dataset datasets data_path data_dir dataset_name",
    "data.train": "train_file train_data train_path train_split training_data train_dataset train_dir "
        "file files source",
    "data.validation": "validation_file valid val dev eval eval_file val_data valid_data val_split "
        "validation_split valid_split eval_dataset dev_file",
    "data.test": "test_file test_data test_split test_path test_dataset holdout test_size",
    "data.columns": "column_mapping text_column label_column image_column target_column text_column_name "
        "label_column_name target text label column fields features",
    "data.labels": "label_map classes id2label label2id label_mapping",
    "data.label_names": "class_names label_file names_file labels_file classes_file",
    "data.exclude": "exclude_rows blocklist decontaminate decontamination held_out",
    "data.group_by": "group groups group_column stratify_by",
    "data.max_length": "max_seq_length max_seq_len block_size max_len seq_length sequence_length "
        "model_max_length max_tokens",
    "data.image_size": "img_size imgsz resolution input_size size",
    "data.image_mode": "color_mode channels mode",
    "data.max_bad_rows": "on_bad_lines error_bad_lines skip_bad_rows ignore_errors max_errors",
    "data.header": "has_header header_row names",
    "evidence.bias.groups": "sensitive_features sensitive_attributes protected_attributes group_columns",
    "evidence.bias.positive": "positive_label positive_labels pos_label favorable_label favourable_label",
    "evidence.explanation": "explain explainability interpretability xai",
    "evidence.bias": "fairness",
    "evidence": "evaluation metrics evaluate report reports weigh",
    "gates": "gate thresholds conditions requirements assertions criteria",
    "training": "train trainer train_args training_args training_arguments fit",
    "about": "card model_card metadata description",
}
SYNONYMS = {other: ours for ours, others in _TABLE.items() for other in others.split()}


def plain(name: str) -> str:
    """numTrainEpochs, num-train-epochs -> num_train_epochs."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").replace(" ", "_").lower()
