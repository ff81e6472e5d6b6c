"""What is done about backends that fail: classes, reactions, breakers, pools."""
